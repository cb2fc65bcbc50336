"""The steps of the protocol, one module each, and the record that they end in."""
