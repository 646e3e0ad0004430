using System.Text.Json;
using MappingNets.Experiments.TheoryAttack;
using Microsoft.FSharp.Core;
using Xunit;
using AttackProgram = MappingNets.Experiments.TheoryAttack.Program;

namespace MappingNets.Tests;

/// <summary>The short form of "./build.sh attack": a few trials of every bound, in this process.</summary>
public sealed class TheoryAttackTests
{
    public static TheoryData<string> Bounds => [.. AttackProgram.attacks.Select(attack => attack.Bound)];

    [Theory]
    [MemberData(nameof(Bounds))]
    public void No_trial_measures_more_than_the_bound(string bound)
    {
        var attack = AttackProgram.attacks.Single(attack => attack.Bound == bound);

        var result = AttackModule.run(7, 40, attack);

        Assert.Equal(40, result.Trials);
        // Far below 1 the attack would prove nothing.
        Assert.InRange(result.Worst, 0.002, 1);
    }

    [Fact]
    public void A_false_bound_and_one_that_is_no_number_are_found_with_their_scene()
    {
        static AttackResult Run(Func<int, double> ratio)
        {
            var scene = 0;
            return AttackModule.run(1, 50, new(
                "planted", "planted", "measured / bound", 10,
                FuncConvert.FromFunc((Random _) =>
                {
                    var here = scene++;
                    return FuncConvert.FromFunc((Random _) => ratio(here));
                })));
        }

        var violated = Run(here => here == 3 ? 1.5 : 0.5);
        Assert.Equal((50, 1.5, 3), (violated.Trials, violated.Worst, violated.WorstScene));
        Assert.Equal(0.7, violated.Mean, 12);
        Assert.Equal(double.PositiveInfinity, Run(here => here == 4 ? double.NaN : 0).Worst);
    }

    [Fact]
    public void The_program_writes_its_report_and_refuses_what_it_does_not_know()
    {
        using var folder = new TemporaryFolder();

        Assert.Equal(0, AttackProgram.main(["--trials", "30", "--only", "spectralNorm", "--seeds", "0", "--out", folder.Path]));

        using var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "report.json")));
        var only = Assert.Single(report.RootElement.GetProperty("Bounds").EnumerateArray());
        Assert.Equal("SingularBounds.spectralNorm", only.GetProperty("Bound").GetString());
        Assert.InRange(only.GetProperty("Worst").GetDouble(), 0.99, 1);
        Assert.Contains("| SingularBounds.spectralNorm |", File.ReadAllText(Path.Combine(folder.Path, "table.md")), StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(folder.Path, "attack.png")));
        Assert.Equal(2, AttackProgram.main(["--trials", "0"]));
        Assert.Equal(2, AttackProgram.main(["--only", "no such bound"]));
        Assert.Equal(2, AttackProgram.main(["--out"]));
    }
}
