package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"streamcat/server"
	"streamcat/site"
)

type userCommand struct {
	Create userCreateCommand `cmd:"" help:"Make an account, with its channel and its stage."`
}

type userCreateCommand struct {
	keep
	Name          string `arg:"" help:"Name of the account."`
	PasswordStdin bool   `help:"Read the password from standard input." required:""`
}

// maxPasswordInput bounds what is read from standard input; longer passwords are refused anyway.
const maxPasswordInput = 4096

// Run makes the account in the database that a server with the same flags uses; the server may be running.
func (c *userCreateCommand) Run(_ *slog.Logger) error {
	input, err := io.ReadAll(io.LimitReader(os.Stdin, maxPasswordInput))
	if err != nil {
		return fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimRight(string(input), "\r\n")
	if password == "" {
		return errors.New("standard input held no password")
	}
	account, err := server.CreateAccount(context.Background(), server.Config{Data: c.Data, DB: c.DB}, c.Name, password)
	var refusal *site.Error
	if errors.As(err, &refusal) {
		return errors.New(refusal.Message) // the sentence is for people, its code is not
	}
	if err != nil {
		return err
	}
	fmt.Printf("Made the account %s.\n", account.Name)
	return nil
}
