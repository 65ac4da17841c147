package import Basics

/// What one peer gained in one round, with names: what events tell of a `GainRow`. All losses are in nats per response
/// token.
package struct GainNews: Sendable, Hashable {
    /// Who measured.
    package var origin: PeerID
    package var round: Int
    package var records: Int
    package var before: Double
    package var own: Double
    package var mixed: Double
    /// The loss with the adapter of each neighbour.
    package var givers: [EventDescription.Amount]

    package init(
        of origin: PeerID, round: Int, records: Int, before: Double, own: Double, mixed: Double,
        givers: [EventDescription.Amount]
    ) {
        self.origin = origin
        self.round = round
        self.records = records
        self.before = before
        self.own = own
        self.mixed = mixed
        self.givers = givers
    }

    /// All but whose it is.
    var fields: [EventDescription.Field] {
        func loss(_ name: String, _ value: Double, _ meaning: String) -> EventDescription.Field {
            .init(name, .number(value), in: "nats a token", meaning)
        }
        return [
            .round(round),
            .measured(records),
            loss("before", before, "mean loss with the adapter that the round began with"),
            loss("own", own, "mean loss after the own local steps"),
            loss("mixed", mixed, "mean loss with what mixing made of all"),
            .init(
                "with", .amounts(givers), in: "nats a token",
                "mean loss with the adapter of each neighbour that contributed to the round, by name"),
        ]
    }
}
