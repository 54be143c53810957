-- Volumes that are made or removed, and what is exported to whom. A volume that
-- nobody's machine was made with has no allocation.

CREATE TABLE volumes (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    provider      TEXT NOT NULL,
    volume_id     TEXT NOT NULL,
    key           TEXT NOT NULL UNIQUE,
    allocation    TEXT REFERENCES allocations (id),
    state         TEXT NOT NULL,
    final         BOOLEAN NOT NULL,
    keep          BOOLEAN NOT NULL,
    list_revision TEXT NOT NULL,
    record        TEXT NOT NULL,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL
);
CREATE INDEX volumes_open ON volumes (final, created_at);
CREATE INDEX volumes_allocation ON volumes (allocation);
CREATE INDEX volumes_provider ON volumes (provider, volume_id);
CREATE INDEX volumes_list ON volumes (provider, list_revision);

CREATE TABLE attachments (
    id         TEXT PRIMARY KEY,
    allocation TEXT REFERENCES allocations (id),
    provider   TEXT NOT NULL,
    volume_id  TEXT NOT NULL,
    volume     TEXT REFERENCES volumes (id),
    state      TEXT NOT NULL,
    final      BOOLEAN NOT NULL,
    record     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX attachments_open ON attachments (final, created_at);
CREATE INDEX attachments_allocation ON attachments (allocation);
CREATE INDEX attachments_volume ON attachments (volume);
CREATE INDEX attachments_provider ON attachments (provider, volume_id);
