package import Basics
package import Federation

extension EventDescription {
    /// The sentence as a person reads it.
    ///
    /// - Parameters:
    ///   - rounds: how many rounds have training; those after them are settling rounds.
    ///   - name: the name of a peer by its identity.
    package func text(rounds: Int, name: (PeerID) -> String) -> String {
        replacingFields { field in
            switch field.value {
            case .round(let round): Self.place(round, of: rounds)
            case .integer(let count): "\(count)"
            case .number(let number): Self.measured(number)
            case .numbers(let numbers): Self.list(numbers.map(Self.measured))
            case .bytes(let count): Readable.bytes(count)
            case .duration(let duration): Readable.number(duration.inSeconds, digits: 1) + " s"
            case .text(let text): text
            case .flag(let flag): flag ? "yes" : "no"
            case .peer(let peer): name(peer)
            case .peers(let peers): Self.list(peers.map(name))
            case .amounts(let amounts):
                Self.list(amounts.map { "\(name($0.peer)) \(Self.measured($0.amount))" })
            case .shares(let shares):
                Self.list(shares.map { "\(name($0.peer)) \(Readable.percent($0.share))" })
            }
        }
    }

    /// The sentence with each `{field}` replaced by what `text` makes of the field.
    package func replacingFields(_ text: (Field) -> String) -> String {
        fields.reduce(sentence) { $0.replacing("{\($1.name)}", with: text($1)) }
    }

    /// Where a peer is: in a round with local steps, or in the settling rounds of pure mixing that follow them.
    package static func place(_ round: Int, of rounds: Int) -> String {
        round < rounds ? "round \(round + 1)/\(rounds)" : "settling \(round - rounds + 1)"
    }

    private static func measured(_ number: Double) -> String {
        number == 0 || abs(number) >= 0.01 && abs(number) < 1e6
            ? Readable.number(number) : Readable.scientific(number)
    }

    /// Names that a person reads; of many the first few.
    private static func list(_ names: [String]) -> String {
        switch names.count {
        case 0: "none"
        case 1...8: names.joined(separator: ", ")
        default: names.prefix(6).joined(separator: ", ") + " and \(names.count - 6) more"
        }
    }
}
