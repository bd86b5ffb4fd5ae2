"""The master and its workers from outside: signals, reloads, crashes, sockets, logs, bad input."""
