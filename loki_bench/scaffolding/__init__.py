"""New plugin distributions, from the templates beside this file."""
