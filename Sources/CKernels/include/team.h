#pragma once
// A few threads that do the parts of one piece of work at the same time, with the least delay between pieces.

typedef struct murmur_team murmur_team;

/// A team of `count` parts, one of them the caller's own; fewer where the system refuses threads. Null without memory.
murmur_team *murmur_team_new(int count);

/// How many parts the team does.
int murmur_team_count(const murmur_team *team);

/// Calls `body` once for each part, 0 to count - 1, and returns when all have returned. One call at a time.
void murmur_team_run(murmur_team *team, void (*body)(void *context, int part), void *context);

/// Ends the threads. No call may be under way.
void murmur_team_free(murmur_team *team);
