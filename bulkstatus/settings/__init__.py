"""The settings: which there are, where each may come from, and which source wins.

`table` is the one list of them, from which options, profile keys and arguments are made; `values`
says what each kind of value means; `sources` puts the sources in their order and reads the user's
profiles; `keys` finds the API key.
"""
