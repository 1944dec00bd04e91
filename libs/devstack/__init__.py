"""The whole system on one machine, without containers or keys; what every test and the demo run on."""
