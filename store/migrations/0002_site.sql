-- The site: who has an account, what belongs to it, and who may enter whose studio.
CREATE TABLE accounts (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	password TEXT NOT NULL, -- argon2id, PHC string format
	created BIGINT NOT NULL
);

-- Names are ASCII, so lower() means the same on every engine.
CREATE UNIQUE INDEX accounts_name ON accounts (lower(name));

CREATE TABLE sessions (
	hash TEXT PRIMARY KEY, -- SHA-256 of the cookie's value
	account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	user_agent TEXT NOT NULL,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL
);

CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expires ON sessions (expires);

-- stage_id is not a foreign key: the control plane may delete any stage, and the channel then says so.
CREATE TABLE channels (
	id TEXT PRIMARY KEY,
	account_id TEXT NOT NULL UNIQUE REFERENCES accounts (id) ON DELETE CASCADE,
	stage_id TEXT NOT NULL UNIQUE,
	title TEXT NOT NULL,
	description TEXT NOT NULL
);

-- Beside the channels, so that listing those reads no pictures.
CREATE TABLE pictures (
	channel_id TEXT PRIMARY KEY REFERENCES channels (id) ON DELETE CASCADE,
	png BYTEA NOT NULL
);

-- ended is 0 while a broadcast goes on.
CREATE TABLE broadcasts (
	id TEXT PRIMARY KEY,
	channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
	title TEXT NOT NULL,
	started BIGINT NOT NULL,
	ended BIGINT NOT NULL
);

CREATE UNIQUE INDEX broadcasts_channel ON broadcasts (channel_id, started);
CREATE UNIQUE INDEX broadcasts_open ON broadcasts (channel_id) WHERE ended = 0;

-- The present token of an account on a stage, handed out again while it is good.
CREATE TABLE studio_tokens (
	account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	stage_id TEXT NOT NULL,
	participant_id TEXT NOT NULL,
	token TEXT NOT NULL,
	attributes TEXT NOT NULL, -- JSON
	expires BIGINT NOT NULL,
	PRIMARY KEY (account_id, stage_id)
);

CREATE UNIQUE INDEX studio_tokens_participant ON studio_tokens (stage_id, participant_id);

-- Screen shares, which are participants of their own.
CREATE TABLE screens (
	stage_id TEXT NOT NULL,
	participant_id TEXT NOT NULL,
	account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	PRIMARY KEY (stage_id, participant_id)
);

CREATE INDEX screens_account ON screens (account_id, stage_id);
CREATE INDEX screens_expires ON screens (expires);

-- for_id is NULL for whoever holds the link; revoked is 0 until it was.
CREATE TABLE invitations (
	id TEXT PRIMARY KEY,
	channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
	code TEXT NOT NULL UNIQUE,
	for_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	revoked BIGINT NOT NULL
);

CREATE INDEX invitations_channel ON invitations (channel_id, expires);

-- Who came by which invitation. accepted is 0 for one that an account must not use any more although it never did; removed is 0
-- until the host removed the account, and never goes back to that.
CREATE TABLE guests (
	invitation_id TEXT NOT NULL REFERENCES invitations (id) ON DELETE CASCADE,
	account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
	accepted BIGINT NOT NULL,
	removed BIGINT NOT NULL,
	PRIMARY KEY (invitation_id, account_id)
);

CREATE INDEX guests_account ON guests (account_id);
