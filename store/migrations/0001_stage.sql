-- Stages, and what happened on them. Histories have no foreign keys among themselves: they are written in batches, later than
-- they happened, and one lost entry must not take the others with it. Everything goes with its stage.
CREATE TABLE stages (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL,
	tags TEXT NOT NULL,
	gated BOOLEAN NOT NULL,
	created BIGINT NOT NULL,
	live_since BIGINT NOT NULL
);

CREATE INDEX stages_live ON stages (live_since) WHERE live_since > 0;

-- One row for each time from the first join of an idle stage to its end. ended is 0 while it goes on.
CREATE TABLE stage_sessions (
	stage_id TEXT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
	id TEXT NOT NULL,
	started BIGINT NOT NULL,
	ended BIGINT NOT NULL,
	PRIMARY KEY (stage_id, id)
);

-- One row for each holder of a token in each session.
CREATE TABLE stage_participants (
	stage_id TEXT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
	session_id TEXT NOT NULL,
	id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	attributes TEXT NOT NULL,
	connected BOOLEAN NOT NULL,
	published BOOLEAN NOT NULL,
	first_join BIGINT NOT NULL,
	client TEXT NOT NULL,
	PRIMARY KEY (stage_id, session_id, id)
);

-- seq orders the events of one stage and makes writing one twice harmless.
CREATE TABLE stage_events (
	stage_id TEXT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
	seq BIGINT NOT NULL,
	session_id TEXT NOT NULL,
	participant_id TEXT NOT NULL,
	remote_id TEXT NOT NULL,
	name TEXT NOT NULL,
	error_code TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (stage_id, seq)
);

CREATE INDEX stage_events_participant ON stage_events (stage_id, session_id, participant_id, seq);

-- Participants whose tokens are dead. A row is needed for as long as a token can live: 14 days.
CREATE TABLE stage_revocations (
	stage_id TEXT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
	participant_id TEXT NOT NULL,
	reason TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (stage_id, participant_id)
);

-- Participants that were taken off the air. Kept, so that no restart puts anybody before the audience.
CREATE TABLE stage_backstage (
	stage_id TEXT NOT NULL REFERENCES stages (id) ON DELETE CASCADE,
	participant_id TEXT NOT NULL,
	at BIGINT NOT NULL,
	PRIMARY KEY (stage_id, participant_id)
);
