"""What control files import of mlopen: storing (`io_handler`), graphs (`plotter`) and a small helper."""
