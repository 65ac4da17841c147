import Basics
import Overlay
import Testing

@Suite struct RosterTests {
    static func id(_ number: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(number), count: 32))! }

    static func member(_ number: Int, degree: Int = 2) -> Roster.Member {
        Roster.Member(id: id(number), place: 10 - number, degree: degree)
    }

    static func roster(_ numbers: [Int]) -> Roster {
        Roster(place: 0, sampleCount: 5, swarmCount: 9, depth: 3, members: numbers.map { member($0) })
    }

    @Test(arguments: [[], [3], [1, 2, 3], [3, 1, 2], [9, 4, 7, 1, 8]])
    func membersAreOrderedByIdentity(numbers: [Int]) {
        let roster = Self.roster(numbers)
        #expect(roster.members.map(\.id) == numbers.sorted().map(Self.id))
        #expect(roster.degree == numbers.count && roster.revision == 0)
        for (index, member) in roster.members.enumerated() {
            #expect(roster.index(of: member.id) == index && roster[member.id] == member)
        }
        #expect(roster[Self.id(200)] == nil && roster.index(of: Self.id(0)) == nil)
    }

    @Test func membersComeAndGo() {
        var roster = Self.roster([4, 2])
        roster.admit(Self.member(3))
        #expect(roster.members.map(\.id) == [2, 3, 4].map(Self.id) && roster.revision == 1)
        // What is new about one who is there replaces what was known.
        roster.admit(Self.member(3, degree: 8))
        #expect(roster.degree == 3 && roster[Self.id(3)]?.degree == 8 && roster.revision == 2)
        let wasMember = roster.expel(Self.id(2))
        let wasNone = roster.expel(Self.id(2))
        #expect(wasMember && !wasNone && roster.revision == 3)
        #expect(roster.members.map(\.id) == [3, 4].map(Self.id))
        // The same members by another way are the same roster but for its history.
        #expect(roster != Self.roster([3, 4]))
    }

    @Test func whoIsKnownToWhom() {
        let member = Roster.Member(id: Self.id(1), place: 0, degree: 2, common: [Self.id(2)])
        #expect(member.knows(Self.id(2)) && !member.knows(Self.id(3)))
        #expect(Self.member(1).knows(Self.id(3)), "where it is not known, it may be")
    }

    @Test(arguments: 0..<12 as Range<UInt64>) func aGraphsRostersAgreeWithIt(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let graph = try SwarmGraph.randomRegular(count: 12, degree: 4, using: &generator)
        var ids: [PeerID?] = (0..<12).shuffled(using: &generator).map { Self.id($0) }
        ids[5] = nil
        for place in 0..<12 {
            let roster = graph.roster(of: place, ids: ids, sampleCount: 9, depth: 2)
            #expect(roster.place == place && roster.swarmCount == 12 && roster.depth == 2 && roster.sampleCount == 9)
            #expect(Set(roster.members.map(\.place)) == Set(graph.neighbours[place]).subtracting([5]))
            for member in roster.members {
                #expect(member.id == ids[member.place] && member.degree == 4)
                let common = graph.neighbours[member.place].filter { graph.neighbours[place].contains($0) }
                #expect(member.common == Set(common.compactMap { ids[$0] }))
            }
        }
    }
}
