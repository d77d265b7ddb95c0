"""How a beep becomes a claim, even offline: the station agent and its devices."""
