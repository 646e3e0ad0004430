using MappingNets.Experiments.Fuzz;
using Xunit;

namespace MappingNets.Tests;

/// <summary>The short form of "./build.sh fuzz": a few cases of every kind of file, in this process.</summary>
public sealed class FuzzTests
{
    public static TheoryData<string> Names => [.. Subjects.All.Select(one => one.Key)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Changed_files_load_as_they_were_or_are_refused(string name)
    {
        using var run = new CaseRun(Subjects.All.Single(one => one.Key == name).Value());
        var outcomes = new HashSet<Outcome>();
        for (var number = 0; number < 60; number++)
        {
            var (outcome, fault) = run.Run(number);
            Assert.True(outcome != Outcome.Fault, $"case {number}: {fault}");
            outcomes.Add(outcome);
        }

        Assert.Contains(Outcome.Refused, outcomes);
    }

    [Fact]
    public void A_reader_that_fails_in_another_way_is_a_fault()
    {
        var npy = Subjects.All.Single(one => one.Key == "npy").Value();
        foreach (var (read, message) in new (Func<string, string>, string)[]
        {
            (_ => throw new InvalidOperationException("by accident"), "by accident"),
            (_ => throw new DatasetFormatException("another", "is bad."), "does not name the file"),
            (path => throw new DatasetFormatException(path, new string('x', 5000)), "characters"),
        })
        {
            var first = true;
            string Once(string path) => first ? (first = false, "good").Item2 : read(path);
            using var run = new CaseRun(npy with { Read = Once, Corpus = [npy.Corpus[0]] });

            var (outcome, fault) = run.Run(1);

            Assert.Equal(Outcome.Fault, outcome);
            Assert.Contains(message, fault);
        }
    }

    [Fact]
    public void Other_content_is_a_fault_where_files_are_signed()
    {
        var npy = Subjects.All.Single(one => one.Key == "npy").Value();
        var reads = 0;
        using var run = new CaseRun(npy with { Read = _ => $"{reads++}", IsSigned = true, Corpus = [npy.Corpus[0]] });

        Assert.Equal(Outcome.Fault, run.Run(1).Outcome);
    }
}
