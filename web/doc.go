// Package web is the site's edge to browsers: pages, forms, session cookies and the small JSON interface of the page scripts.
//
// It owns templates/ (HTML), assets/ (pictures and the built bundle) and src/ (the TypeScript and CSS that build.sh bundles into
// assets/dist; the bundle is committed so that a Go toolchain alone builds the program). It keeps no state of its own besides
// rate limits: everything that lasts is behind the Site interface, which site.Service satisfies.
//
// A request passes, in this order: security headers, the cross-origin check for everything that is not GET or HEAD, the route
// table in routes.go, a limit on its body, the session cookie's account. Handlers return errors; failure.go is the one table that
// turns a site.Code into a status, and then into a page or into JSON, depending on which half of the route table was asked.
//
// Invariants:
//   - Who may do what is decided by site, from the account behind the session cookie, never from an id in a body.
//   - No page carries an inline script or style; the Content-Security-Policy forbids them.
//   - A redirect target that came from outside leads to a path of this site.
//   - The answer to a failed login does not depend on whether the account exists.
package web
