/// What a run's metrics are called, and what they say. The text that Prometheus reads, the table of docs/watching.md and the
/// check of the dashboard are made of this list.
///
/// To add one: its case, its declaration, and where `RunMetrics` counts it.
package enum RunMetric: String, Sendable, CaseIterable {
    case run = "murmur_run_info"
    case peers = "murmur_peers"
    case plannedRounds = "murmur_planned_rounds"
    case runSeconds = "murmur_run_seconds"
    case secondsLeft = "murmur_time_left_seconds"
    case phase = "murmur_peer_phase"
    case round = "murmur_round"
    case roundSeconds = "murmur_round_duration_seconds"
    case loss = "murmur_training_loss_nats"
    case disagreement = "murmur_disagreement_ratio"
    case factorBias = "murmur_factor_bias_ratio"
    case connected = "murmur_connected_neighbours"
    case leftOut = "murmur_left_out_neighbours"
    case diskFailing = "murmur_disk_failing"
    case lastEvent = "murmur_last_event_timestamp_seconds"
    case starts = "murmur_starts_total"
    case rounds = "murmur_rounds_total"
    case settlingRounds = "murmur_settling_rounds_total"
    case trainingSeconds = "murmur_training_seconds_total"
    case trainingTokens = "murmur_training_tokens_total"
    case trainingRecords = "murmur_training_records_total"
    case waitSeconds = "murmur_mixing_wait_seconds_total"
    case missing = "murmur_missing_contributions_total"
    case sent = "murmur_sent_contributions_total"
    case sentPayload = "murmur_sent_contribution_bytes_total"
    case received = "murmur_received_contributions_total"
    case receivedPayload = "murmur_received_contribution_bytes_total"
    case refused = "murmur_refused_contributions_total"
    case bytesSent = "murmur_sent_bytes_total"
    case bytesReceived = "murmur_received_bytes_total"
    case datagramsSent = "murmur_sent_datagrams_total"
    case datagramsReceived = "murmur_received_datagrams_total"
    case packetsLost = "murmur_lost_packets_total"
    case datagramsDropped = "murmur_dropped_datagrams_total"
    case events = "murmur_events_total"

    /// The name that Prometheus knows.
    package var name: String { rawValue }

    /// Counters end in `_total`, by Prometheus' rules.
    package var kind: MetricFamily.Kind { rawValue.hasSuffix("_total") ? .counter : .gauge }

    /// The labels of each of its values, whose values are of bounded sets: the peers of the topology, phases, kinds of
    /// events.
    package var labels: [String] {
        switch self {
        case .run: ["swarm", "version"]
        case .peers, .plannedRounds, .runSeconds, .secondsLeft: []
        case .phase: ["peer", "phase"]
        case .events: ["peer", "event"]
        default: ["peer"]
        }
    }

    /// What a value is counted in; empty for a number of things.
    package var unit: String {
        switch self {
        case .runSeconds, .secondsLeft, .roundSeconds, .trainingSeconds, .waitSeconds: "s"
        case .lastEvent: "s since 1970"
        case .loss: "nats a token"
        case .disagreement, .factorBias: "relative"
        case .sentPayload, .receivedPayload, .bytesSent, .bytesReceived: "bytes"
        default: ""
        }
    }

    /// What it says.
    package var meaning: String {
        switch self {
        case .run: "1; its labels name the swarm and the version of murmur"
        case .peers: "peers that are watched"
        case .plannedRounds: "rounds with training that the topology asks for"
        case .runSeconds: "how long the run has taken, all of its parts together"
        case .secondsLeft: "how long the rounds with training will still take; missing where it is not known"
        case .phase: "1 for the phase in which the peer is, 0 for the others"
        case .round: "the round in which the peer is; rounds with training count from 0, settling rounds follow them"
        case .roundSeconds: "how long a round takes, the median of the last ones"
        case .loss: "mean negative log-likelihood over the tokens of the newest local steps"
        case .disagreement: "largest distance to a neighbour's adapter at the newest mixing, by the own adapter's norm"
        case .factorBias: "what averaging factors lost of the average product at the newest mixing"
        case .connected: "neighbours with which there is a session"
        case .leftOut: "neighbours without which the peer mixed last, or of which it takes nothing"
        case .diskFailing: "1 where the disk does not take the newest checkpoint or line of a log"
        case .lastEvent: "when the peer told something last"
        case .starts: "how often the peer's process began"
        case .rounds: "rounds with training that were mixed; a round that is done again counts again"
        case .settlingRounds: "settling rounds that were mixed"
        case .trainingSeconds: "time that local steps took"
        case .trainingTokens: "tokens that carried loss in local steps"
        case .trainingRecords: "records of local steps"
        case .waitSeconds: "time from publishing the own contribution to mixing"
        case .missing: "contributions of neighbours that were missing when the peer mixed"
        case .sent: "contributions that a neighbour acknowledged, whole or in part"
        case .sentPayload: "bytes of the peer's contributions that neighbours acknowledged"
        case .received: "contributions of neighbours that arrived whole and passed the gate"
        case .receivedPayload: "bytes of these contributions"
        case .refused: "contributions of neighbours that were not mixed"
        case .bytesSent: "payload bytes of datagrams sent"
        case .bytesReceived: "payload bytes of datagrams received"
        case .datagramsSent: "datagrams sent"
        case .datagramsReceived: "datagrams received"
        case .packetsLost: "sent packets that were declared lost"
        case .datagramsDropped: "what arrived and was dropped, for whatever reason"
        case .events: "events by their names in the log, those that were only counted included"
        }
    }
}
