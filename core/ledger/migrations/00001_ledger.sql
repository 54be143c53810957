-- One schema for every engine: only types, clauses and functions that SQLite
-- and PostgreSQL read alike. Times are TEXT, RFC 3339 in UTC with nine digits of
-- a second, so that they sort as they are. Composite nouns are JSON in TEXT;
-- what is searched has a column of its own. events.seq is given by the insert
-- itself, under the one writer's lock, so that it rises as commits do.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE providers (
    name       TEXT PRIMARY KEY,
    plugin     TEXT NOT NULL,
    settings   TEXT,
    record     TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE price_lists (
    provider TEXT NOT NULL,
    revision TEXT NOT NULL,
    body     TEXT NOT NULL,
    seen_at  TEXT NOT NULL,
    PRIMARY KEY (provider, revision)
);

CREATE TABLE quotes (
    id            TEXT PRIMARY KEY,
    pledge_hash   TEXT NOT NULL,
    provider      TEXT NOT NULL,
    offer_id      TEXT NOT NULL,
    total         TEXT NOT NULL,
    list_revision TEXT NOT NULL,
    shown_at      TEXT NOT NULL,
    body          TEXT NOT NULL
);
CREATE INDEX quotes_shown ON quotes (shown_at);
CREATE INDEX quotes_list ON quotes (provider, list_revision);

CREATE TABLE allocations (
    id          TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    final       BOOLEAN NOT NULL,
    provider    TEXT NOT NULL,
    quote_id    TEXT NOT NULL,
    pledge_hash TEXT NOT NULL,
    has_secrets BOOLEAN NOT NULL,
    pledge      TEXT NOT NULL,
    placement   TEXT NOT NULL,
    record      TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
CREATE UNIQUE INDEX allocations_name ON allocations (name) WHERE NOT final AND name <> '';
CREATE INDEX allocations_by_name ON allocations (name, created_at);
CREATE INDEX allocations_created ON allocations (final, created_at);
CREATE INDEX allocations_quote ON allocations (quote_id);

CREATE TABLE attempts (
    allocation    TEXT NOT NULL REFERENCES allocations (id),
    number        BIGINT NOT NULL,
    key           TEXT NOT NULL UNIQUE,
    provider      TEXT NOT NULL,
    quote_id      TEXT NOT NULL,
    list_revision TEXT NOT NULL,
    state         TEXT NOT NULL,
    record        TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL,
    PRIMARY KEY (allocation, number)
);
CREATE INDEX attempts_quote ON attempts (quote_id);
CREATE INDEX attempts_provider ON attempts (provider, list_revision);

CREATE TABLE events (
    seq        BIGINT PRIMARY KEY,
    allocation TEXT REFERENCES allocations (id),
    at         TEXT NOT NULL,
    step       TEXT NOT NULL,
    attempt    BIGINT NOT NULL,
    text       TEXT NOT NULL
);
CREATE INDEX events_allocation ON events (allocation, seq);

CREATE TABLE refusals (
    provider TEXT NOT NULL,
    zone     TEXT NOT NULL,
    shape    TEXT NOT NULL,
    scope    TEXT NOT NULL,
    until    TEXT NOT NULL,
    text     TEXT NOT NULL,
    PRIMARY KEY (provider, zone, shape, scope)
);
