// Package argon hashes passwords with argon2id and keeps the hashes in the PHC string format.
//
// It owns the choice of parameters and the bound on how many hashes are computed at once: each takes 19 MiB and a
// processor for some 70 ms, so that without the bound a burst of logins would be a way to exhaust the machine, and to stop the media on
// it. A Hasher takes half of the processors; some others wait, or give up when their context ends, and more than those are refused.
//
// Invariant: a hash says with which parameters it was made, so old hashes keep working when the parameters change.
package argon
