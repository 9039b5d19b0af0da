"""What an attacker would try, and what must never be found where it does not belong."""
