-- The tab that a person saw last is not remembered any more: it greeted the next person.
ALTER TABLE users DROP COLUMN view;
