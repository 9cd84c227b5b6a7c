// Package storetest gives tests real databases: SQLite in a temporary directory always, and PostgreSQL when
// STREAMCAT_TEST_POSTGRES holds the URL of a server where the test may CREATE DATABASE.
//
// On that server it makes the database streamcat_test, once, and in it a schema for each test, which goes when the test ends. A
// schema is as empty as a database and much faster to make.
package storetest
