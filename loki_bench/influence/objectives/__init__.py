"""What a surrogate minimised, with the derivatives that influence needs."""
