package import Faults
package import Foundation

/// The faults of a plan that happen to processes, and which peers are down because of them.
package struct ProcessFaults {
    /// Something that is due.
    package enum Action: Sendable, Hashable {
        case crash(DiskFate)
        case restart
        case pause
        case resume
    }

    /// What a crash leaves of a peer's state is decided when its process has ended.
    private enum Down {
        case dying(DiskFate, restartDue: Bool)
        case gone
    }

    /// The actions in their order.
    package let actions: [(time: Duration, name: String, action: Action)]
    /// Peers that are started only later.
    package let absent: Set<String>
    private var down: [String: Down] = [:]
    /// How often each happened.
    package private(set) var crashes = 0
    package private(set) var pauses = 0

    /// The process faults of `plan` for peers called `names`.
    package init(plan: FaultPlan, names: [String]) {
        var actions: [(time: Duration, name: String, action: Action)] = []
        var absent: Set<String> = []
        for fault in plan.faults {
            let name = names[fault.peer]
            switch fault.kind {
            case .crash(_, let disk):
                actions.append((fault.from, name, .crash(disk)))
                actions.append((fault.until, name, .restart))
            case .absent:
                absent.insert(name)
                actions.append((fault.until, name, .restart))
            case .pause:
                actions.append((fault.from, name, .pause))
                actions.append((fault.until, name, .resume))
            default: break
            }
        }
        self.absent = absent
        self.actions = actions.enumerated()
            .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
        for name in absent { down[name] = .gone }
    }

    /// Peers whose process is not there and that are to be started again.
    package var gone: Set<String> {
        Set(down.filter { if case .gone = $0.value { true } else { false } }.keys)
    }

    /// Does what is due to `name`, whose run is not over. True where the peer's process is to be started now.
    package mutating func perform(_ action: Action, on name: String, _ supervisor: Supervisor) -> Bool {
        switch (action, down[name]) {
        case (.crash(let fate), nil):
            crashes += 1
            down[name] = .dying(fate, restartDue: false)
            supervisor.send(SIGKILL, to: name)
            Terminal.note("fault: \(name) crashes" + (fate == .kept ? "" : " (disk: \(fate.rawValue))"))
        case (.restart, .gone):
            down[name] = nil
            Terminal.note("fault: \(name) is started")
            return true
        case (.restart, .dying(let fate, _)):
            down[name] = .dying(fate, restartDue: true)
        case (.pause, nil):
            pauses += 1
            supervisor.send(SIGSTOP, to: name)
            Terminal.note("fault: \(name) stands still")
        case (.resume, nil):
            supervisor.send(SIGCONT, to: name)
            Terminal.note("fault: \(name) goes on")
        case (.crash, _), (.restart, nil), (.pause, _), (.resume, _): break
        }
        return false
    }

    /// Takes note that the process of `name` ended, and gives its state folder the crash's fate.
    ///
    /// - Returns: nil if no fault ended it; else whether it is to be started again at once.
    package mutating func ended(_ name: String, state: URL) -> Bool? {
        guard case .dying(let fate, let restartDue) = down[name] else { return nil }
        Self.apply(fate, to: state)
        down[name] = restartDue ? nil : .gone
        return restartDue
    }

    /// What a crash leaves on the disk: everything; the newest checkpoint cut in half; nothing.
    package static func apply(_ fate: DiskFate, to state: URL) {
        let newest = state.appendingPathComponent("checkpoint.bin")
        switch fate {
        case .kept: break
        case .torn:
            guard let whole = try? Data(contentsOf: newest) else { return }
            // Not cut in place: the previous checkpoint may be the same file under a second name.
            try? whole.prefix(whole.count / 2).write(to: newest, options: .atomic)
        case .amnesia: try? FileManager.default.removeItem(at: state)
        }
    }
}
