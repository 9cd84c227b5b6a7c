-- What is old is forgotten; these find it.
CREATE INDEX stage_events_at ON stage_events (at);
CREATE INDEX stage_participants_join ON stage_participants (first_join);
