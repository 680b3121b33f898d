"""Recordings as devices and people export them: tables whose columns, units and clock are found or declared."""
