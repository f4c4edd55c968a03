"""The ground floor: settings, time, ids, errors, database, journal, logging. Knows nothing of hospitals."""
