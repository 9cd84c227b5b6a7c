// Package sdk holds the built browser SDK, so that the server can serve it without a build step. Its source is TypeScript in
// src; build.sh makes dist from it, and test.sh fails when the two differ.
package sdk
