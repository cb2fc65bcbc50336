"""Leaderboards as a static site: no server, no request, one look."""
