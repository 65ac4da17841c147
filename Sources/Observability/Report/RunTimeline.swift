import Storage

/// What happened when in a run, as the peers' logs tell: when each was at work, when it came back, whom it went without.
package struct RunTimeline: Sendable {
    /// What marks stand for.
    package enum Kind: Int, Sendable, CaseIterable {
        case cameBack, mixedWithout, gaveUp, refused

        var words: String {
            switch self {
            case .cameBack: "came back from its checkpoint"
            case .mixedWithout: "mixed without a neighbour"
            case .gaveUp: "went on without a neighbour for good"
            case .refused: "refused a contribution"
            }
        }
    }

    /// What the relay of a run with faults did up to a moment.
    package struct Loss: Sendable, Hashable {
        /// Seconds since the run began.
        package var time: Double
        package var taken: Int
        package var dropped: Int

        package init(time: Double, taken: Int, dropped: Int) {
            self.time = time
            self.taken = taken
            self.dropped = dropped
        }
    }

    fileprivate struct Lane: Sendable {
        var spans: [ClosedRange<Double>] = []
        var marks: [TimelineChart.Mark] = []
        var counts = [Int](repeating: 0, count: Kind.allCases.count)
    }

    private let names: [String]
    private var lanes: [String: Lane]
    /// What the relay let through and what not, in the order of time.
    package var losses: [Loss] = []
    /// When the first peer started, in seconds since 1970; nil where none has.
    package private(set) var start: Double?

    package init(names: [String]) {
        self.names = names
        lanes = Dictionary(names.map { ($0, Lane()) }) { first, _ in first }
    }

    /// A lane has at most so many marks of a kind; they are counted all.
    fileprivate static let most = 60

    /// Takes account of a line of a peer's log, in the order of the log.
    package mutating func record(_ event: LoggedEvent) {
        guard var lane = lanes[event.peer], event.time.isFinite else { return }
        if event.event == "started" {
            start = min(start ?? event.time, event.time)
            if event.fields["resumed"]?.bool == true, !lane.spans.isEmpty {
                lane.mark(.cameBack, event.time, "\(event.peer) came back in round \((event.round ?? 0) + 1)")
            }
            lane.spans.append(event.time...event.time)
        }
        // A wall clock may be set back.
        if let last = lane.spans.popLast() { lane.spans.append(last.lowerBound...max(last.upperBound, event.time)) }
        switch event.event {
        case "mixed":
            let absent = event.fields["absent"]?.array?.compactMap(\.text) ?? []
            guard !absent.isEmpty else { break }
            lane.mark(
                .mixedWithout, event.time,
                "\(event.peer) mixed round \((event.round ?? 0) + 1) without \(absent.joined(separator: ", "))")
        case "given_up", "neighbour_barred", "settings_differ":
            lane.mark(.gaveUp, event.time, "\(event.peer) went on without \(event.text("neighbour") ?? "a neighbour")")
        case "contribution_refused":
            lane.mark(
                .refused, event.time, "\(event.peer) refused what \(event.text("neighbour") ?? "a neighbour") sent")
        default: break
        }
        lanes[event.peer] = lane
    }

    /// How often something of `kind` happened.
    package func count(_ kind: Kind) -> Int { names.reduce(0) { $0 + (lanes[$1]?.counts[kind.rawValue] ?? 0) } }

    /// The lanes of all peers; times count from `start`.
    package var chart: TimelineChart {
        let start = start ?? 0
        return TimelineChart(
            title: "When the peers were at work",
            caption:
                "Times are the peers' wall clocks, from the first start on. At most \(Self.most) marks of a kind a peer.",
            kinds: Kind.allCases.map(\.words),
            lanes: names.map { name in
                let lane = lanes[name] ?? Lane()
                return TimelineChart.Lane(
                    name: name, spans: lane.spans.map { max(0, $0.lowerBound - start)...max(0, $0.upperBound - start) },
                    marks: lane.marks.map { .init(time: max(0, $0.time - start), kind: $0.kind, note: $0.note) })
            })
    }

    /// The share of datagrams that the relay did not let through, between one line of its statistics and the next.
    package var lossChart: LineChart {
        let steps = zip(losses, losses.dropFirst()).compactMap { before, after -> (x: Double, y: Double)? in
            let taken = after.taken - before.taken
            return taken > 0 ? (after.time, Double(after.dropped - before.dropped) / Double(taken) * 100) : nil
        }
        return LineChart(
            title: "Datagrams that the faults took", caption: "What the relay between the peers did not let through.",
            horizontal: .init("time since the start", measure: .seconds, zero: .always),
            vertical: .init("% of the datagrams", zero: .always), series: [.init(name: "lost", points: steps)])
    }
}

extension RunTimeline.Lane {
    fileprivate mutating func mark(_ kind: RunTimeline.Kind, _ time: Double, _ note: String) {
        counts[kind.rawValue] += 1
        if counts[kind.rawValue] <= RunTimeline.most {
            marks.append(.init(time: time, kind: kind.rawValue, note: note))
        }
    }
}
