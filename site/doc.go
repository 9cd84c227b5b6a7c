// Package site keeps the rules of the site: accounts and their sessions, channels, the studio, invitations, broadcasts.
//
// It owns who may do what. Every method that changes something takes the account that asks and finds out what that account
// owns; an id that came with the request only chooses among what it owns. It is a client of the stage service like any other
// program: what happens on a stage it asks of Stages, what has to last it keeps in Store.
//
// Data flow, in the order of a broadcast: Register makes account, channel and stage in one transaction. Studio hands out the
// participant token that lets a browser onto the stage through the stage service; the site is not on the way of the media or
// of the events. SetLive asks the stage service to open the stage, and the stage service, whatever made it do so, tells
// StageLiveChanged, which keeps the list of broadcasts. The truth of what is live is the stage's, never a copy of the site.
//
// Invariants:
//   - One channel and one stage an account, one open broadcast a channel, one studio token an account and stage.
//   - A guest gets a token only by an accepted invitation that is neither expired nor revoked, and that was made after the
//     last time the host removed the guest. What ends that right is written first and the tokens are collected after it, while
//     a token is written first and the right checked again after it: whichever way two requests interleave, no token
//     survives the right it stood on.
//   - Sessions are kept as SHA-256 only. Passwords are kept as argon2id. The codes of invitations are kept as they are,
//     because the host may see the link as often as wanted: they open nothing but a guest's place on one stage, expire within
//     30 days and can be revoked. Participant tokens are kept as they are for the same reason, and die with their stage.
//
// Refusals are *Error, with a sentence for the person who reads it; every other error is a fault. The package starts no
// goroutines and has no locks: what two requests could break together, the store decides.
package site
