-- What pricing needs besides the lists: which is in use, exchange rates, terms.
-- A list's body, which may be long, has a table of its own, so that everything
-- else about it is read and written without it. An empty head is that of a list
-- kept under schema 1: it is made from the body where it is needed, and stored
-- with the next PutPriceList.

CREATE TABLE price_list_bodies (
    provider TEXT NOT NULL,
    revision TEXT NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (provider, revision),
    FOREIGN KEY (provider, revision) REFERENCES price_lists (provider, revision) ON DELETE CASCADE
);
INSERT INTO price_list_bodies (provider, revision, body) SELECT provider, revision, body FROM price_lists;
ALTER TABLE price_lists DROP COLUMN body;
ALTER TABLE price_lists ADD COLUMN head TEXT NOT NULL DEFAULT '';

CREATE TABLE price_list_uses (
    provider TEXT PRIMARY KEY REFERENCES providers (name),
    revision TEXT NOT NULL,
    imported BOOLEAN NOT NULL,
    used_by  TEXT NOT NULL,
    since    TEXT NOT NULL,
    FOREIGN KEY (provider, revision) REFERENCES price_lists (provider, revision)
);

CREATE TABLE rates (
    base    TEXT NOT NULL,
    as_of   TEXT NOT NULL,
    source  TEXT NOT NULL,
    body    TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (base, as_of, source)
);
CREATE INDEX rates_newest ON rates (as_of, seen_at);

CREATE TABLE terms (
    scope  TEXT PRIMARY KEY,
    record TEXT NOT NULL
);
