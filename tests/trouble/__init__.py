"""An issuer in every kind of trouble: nobody gets in by it, nobody is locked out for longer than it lasts."""
