"""Gives every test the servers of libs/devstack and a tenant of its own."""

pytest_plugins = ["libs.devstack.pytest_plugin", "libs.contracts.tests.tenant"]
