"""A fieldlab that lives: its config changes, its data come late and expire, companies come and go."""
