/// The participation table for programs: `participation` in `summary.json` (docs/formats.md).
package struct ParticipationSummary: Encodable, Sendable, Hashable {
    /// One neighbour's row.
    package struct Neighbour: Encodable, Sendable, Hashable {
        package let tookPart: Bool
        package let state: String
        package let mixed: Int
        package let missed: Int
        package let settlingMixed: Int
        package let settlingMissed: Int
        package let adopted: Int
        package let refused: Int
        package let lastRefusal: String?
        package let share: Double?
        package let firstMet: Double?
        package let lastHeard: Double?

        private enum CodingKeys: String, CodingKey {
            case state, mixed, missed, adopted, refused, share
            case tookPart = "took_part"
            case settlingMixed = "settling_mixed"
            case settlingMissed = "settling_missed"
            case lastRefusal = "last_refusal"
            case firstMet = "first_met"
            case lastHeard = "last_heard"
        }
    }

    package let finished: Bool
    package let agreed: Bool
    package let rounds: Int
    package let trained: Int
    package let trainingFailed: Int
    package let skipped: Int
    package let starts: Int
    /// What was said of damaged files of the state.
    package let damaged: [String]
    /// What was done about states of other settings.
    package let continued: [String]
    /// Who is left out, and why.
    package let leftOut: [String: String]
    package let neighbours: [String: Neighbour]

    private enum CodingKeys: String, CodingKey {
        case finished, agreed, rounds, trained, skipped, starts, damaged, continued, neighbours
        case trainingFailed = "training_failed"
        case leftOut = "left_out"
    }
}

extension Participation {
    /// The table for programs.
    package var summary: ParticipationSummary {
        ParticipationSummary(
            finished: isFinished, agreed: !lacksAgreement, rounds: rounds, trained: trained.total,
            trainingFailed: failed.total, skipped: skipped.total, starts: starts, damaged: damages,
            continued: continuations,
            leftOut: Dictionary(leftOut.map { ($0.name, $0.absence.text(rounds: rounds)) }) { first, _ in first },
            neighbours: Dictionary(names.compactMap { name in neighbours[name].map { (name, summary(of: $0, name)) } })
            {
                first, _ in first
            })
    }

    private func summary(of neighbour: Neighbour, _ name: String) -> ParticipationSummary.Neighbour {
        ParticipationSummary.Neighbour(
            tookPart: absence(of: name) == nil, state: neighbour.state.rawValue, mixed: neighbour.mixed.total,
            missed: neighbour.missed.total, settlingMixed: neighbour.settlingMixed.total,
            settlingMissed: neighbour.settlingMissed.total, adopted: neighbour.adopted, refused: neighbour.refused,
            lastRefusal: neighbour.lastRefusal, share: neighbour.share, firstMet: neighbour.firstMet,
            lastHeard: neighbour.lastHeard)
    }
}
