"""Gives every test the fixtures of libs/devstack."""

pytest_plugins = ["libs.devstack.pytest_plugin"]
