-- Layers of isolation that a node does without, as a list of names.

ALTER TABLE nodes ADD COLUMN missing_layers TEXT NOT NULL DEFAULT '[]';
