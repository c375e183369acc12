"""False devices that speak real MQTT: a seed and a start time enter, device messages leave, byte for byte the same."""
