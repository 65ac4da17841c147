import Adapters
import Aggregation
import Basics
import Federation
import Wire

/// A simulated peer's process, as the swarm sees it: things are told to it, and what it wants done is taken from it.
///
/// On tier A there is the driver alone in it, on tier B an `actor Peer` around one. Both are told the same and want the
/// same in the same order; the swarm does not know which it has.
struct SimulatedProcess: Sendable {
    private var driver: PeerDriver?
    private let shell: ActorProcess?
    /// What the shell did in its last turn and the swarm has not taken yet, last first.
    private var effects: [PeerEffect] = []

    /// A process of tier A.
    init(_ driver: PeerDriver) {
        self.driver = driver
        shell = nil
    }

    /// A process of tier B.
    init(_ shell: ActorProcess) {
        self.shell = shell
    }

    /// Begins.
    mutating func start(at time: MonotonicTime, using generator: inout SeededGenerator) {
        if driver != nil {
            driver!.start(at: time, using: &generator)
        } else {
            shell?.start()
            turn(at: time, using: &generator) { _ in }
        }
    }

    /// A datagram arrives.
    mutating func receive(_ datagram: Datagram, at time: MonotonicTime, using generator: inout SeededGenerator) {
        if driver != nil {
            driver!.receive(datagram, at: time, using: &generator)
        } else {
            turn(at: time, using: &generator) { $0.arrive(datagram) }
        }
    }

    /// The moment has come that it asked for.
    mutating func wake(at time: MonotonicTime, using generator: inout SeededGenerator) {
        if driver != nil {
            driver!.wake(at: time, using: &generator)
        } else {
            turn(at: time, using: &generator) { $0.wakeUp() }
        }
    }

    /// Its local steps are done.
    mutating func trainingFinished(
        _ outcome: TrainingOutcome, snapshot: [UInt8], at time: MonotonicTime, using generator: inout SeededGenerator
    ) {
        if driver != nil {
            driver!.trainingFinished(outcome, snapshot: snapshot, at: time, using: &generator)
        } else {
            turn(at: time, using: &generator) { $0.trained(outcome, snapshot: snapshot) }
        }
    }

    /// Its local steps could not be taken.
    mutating func trainingFailed(
        _ reason: String, at time: MonotonicTime, using generator: inout SeededGenerator
    ) {
        if driver != nil {
            driver!.trainingFailed(reason, at: time, using: &generator)
        } else {
            turn(at: time, using: &generator) { $0.trainingFailed(reason) }
        }
    }

    /// What it wrote is on the disk, or is not because of `failure`.
    mutating func written(failure: String?, at time: MonotonicTime, using generator: inout SeededGenerator) {
        if driver != nil {
            driver!.written(failure: failure, at: time)
        } else {
            turn(at: time, using: &generator) { $0.written(failure: failure) }
        }
    }

    /// Makes it dishonest, or honest again.
    mutating func misbehave(_ misconduct: Misconduct?) {
        driver?.tamper(misconduct)
        shell?.answer { await $0.tamper(misconduct) }
    }

    /// The next thing that it wants done; nil if there is none now.
    mutating func nextEffect(at time: MonotonicTime, using generator: inout SeededGenerator) -> PeerEffect? {
        driver != nil ? driver!.nextEffect(at: time, using: &generator) : effects.popLast()
    }

    private mutating func turn(
        at time: MonotonicTime, using generator: inout SeededGenerator, _ event: (Surroundings) -> Void
    ) {
        guard let shell else { return }
        effects = (effects.reversed() + shell.turn(at: time, using: &generator, event)).reversed()
    }

    /// Ends it without a word.
    func kill() { shell?.kill() }

    /// Whether it has come to its end by itself.
    var isDone: Bool { driver?.isDone ?? shell!.isDone }

    /// What went over the network so far.
    var traffic: PeerTraffic { driver?.core.traffic ?? shell!.answer { await $0.traffic } }

    /// Datagrams that it has dropped whole; not known of an actor.
    var datagramsDropped: UInt64? { driver?.core.datagramsDropped }

    /// What has grown beyond its bound in it; nil where nothing has. Not known of an actor.
    var brokenBound: String? { driver?.core.brokenBound }

    /// The mass that its mixing rule holds; nil where that moves none.
    var mass: MassAccount? { driver?.core.mass }

    /// What it has of its edges where gradients are tracked; none elsewhere.
    var trackedEdges: [PeerID: TrackedEdge] { driver?.core.trackedEdges ?? [:] }

    /// Its adapter as it is now.
    var delta: AdapterDelta { driver?.core.delta ?? shell!.answer { await $0.state.delta } }
}
