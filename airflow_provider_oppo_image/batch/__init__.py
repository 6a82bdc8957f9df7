"""Many pictures: a manifest in, a result for each of its rows out, and nothing done twice.

It is handed a client and a checker, and knows neither hook nor connection.
"""
