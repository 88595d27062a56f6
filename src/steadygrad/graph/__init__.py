"""The structure of a network: what was executed, with which parameters, and the owner of every disturbance."""
