"""The blueprint of this room's pages, and how they tell what was done."""

from flask import Blueprint

bp = Blueprint("sharing", __name__)
