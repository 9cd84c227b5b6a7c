-- What the program makes once and needs for ever, such as the key that signs participant tokens.
CREATE TABLE secrets (
	name TEXT PRIMARY KEY,
	value BYTEA NOT NULL,
	created BIGINT NOT NULL
);

-- Certificates and account keys of ACME. Replaced at every renewal.
CREATE TABLE certificates (
	name TEXT PRIMARY KEY,
	value BYTEA NOT NULL,
	updated BIGINT NOT NULL
);
