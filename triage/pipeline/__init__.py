"""From received bytes to a ranked study: receive, decode, gate, score, file."""
