import Basics

/// How far a simulated run is.
package struct SimulationProgress: Sendable {
    /// Seconds of virtual time since the swarm's start.
    package var seconds: Double
    /// Happenings that were performed.
    package var events: Int
    /// The rounds that the slowest and the fastest peer last spoke of.
    package var slowest: Int
    package var fastest: Int
    /// Peers that have their final adapter, of how many.
    package var finished: Int
    package var peers: Int

    /// Happenings between two looks: about half a second of a machine's time.
    package static let interval = 32_768
}

extension SimulatedSwarm {
    /// How far the run is.
    var progress: SimulationProgress {
        let rounds = peers.map(\.lastRound)
        return SimulationProgress(
            seconds: elapsed.inSeconds, events: trace.count, slowest: rounds.min() ?? 0, fastest: rounds.max() ?? 0,
            finished: peers.count { $0.final != nil }, peers: peers.count)
    }

    /// Tells who watches, if it is time again. What is told changes nothing.
    mutating func tellProgress() {
        guard let watch, trace.count >= nextLook else { return }
        nextLook = trace.count + SimulationProgress.interval
        watch(progress)
    }
}
