using System.Diagnostics;
using MappingNets.Examples.Cluster;
using MappingNets.Experiments.ClusterDemo;

namespace MappingNets.Experiments.ClusterFigures;

/// <summary>A run whose workers are killed, join, and are cut off, each in a network namespace of its own where there can be any.</summary>
internal sealed class FaultyRun(Settings settings, RedisServer redis, VirtualNetwork? network, Random random) : IDisposable
{
    private const int Workers = 3;
    private const int MostWorkers = 5;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly LiveTable table = new();
    private readonly List<One> all = [];
    private readonly List<string> wrong = [];
    private int kills;
    private int cuts;
    private int joins;
    private int ended;

    private sealed class One(WorkerProcess process, VirtualMachine? machine)
    {
        public WorkerProcess Process { get; } = process;

        public VirtualMachine? Machine { get; } = machine;

        public bool IsOver { get; set; }

        public bool WasCut { get; set; }

        public Task Mending { get; set; } = Task.CompletedTask;

        public bool CanTrain => !IsOver && Mending.IsCompleted;
    }

    private IEnumerable<One> Alive => all.Where(worker => !worker.IsOver);

    /// <summary>Trains to the end, with faults on the way.</summary>
    public async Task<FaultRun> Train(int faults, int seed, string expected, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        for (var index = 0; index < Workers; index++)
            Begin();
        var (lastStep, lastNew) = (Stopwatch.StartNew(), Stopwatch.StartNew());
        var (heard, furthest, next, pause) = (0, 0, random.Next(2, 8), TimeSpan.Zero);
        while (Alive.Any())
        {
            await Task.Delay(50, stop);
            Watch();
            var steps = all.Sum(worker => worker.Process.Steps.Count);
            if (steps > heard)
                lastStep.Restart();
            heard = steps;
            if (all.Max(worker => worker.Process.Steps.LastOrDefault()) is var step && step > furthest)
            {
                pause = furthest > 0 && lastNew.Elapsed > pause ? lastNew.Elapsed : pause;
                furthest = step;
                lastNew.Restart();
            }

            if (lastStep.Elapsed > Longest)
            {
                wrong.Add($"nothing has happened for {Longest.TotalMinutes} minutes after step {all.Max(worker => worker.Process.Steps.LastOrDefault())}");
                break;
            }

            var reached = Alive.Select(worker => worker.Process.Steps.LastOrDefault()).DefaultIfEmpty(0).Max();
            if (kills + cuts + joins < faults && reached >= next && Strike())
                next = reached + random.Next(2, 8);
        }

        await Task.WhenAll(all.Select(worker => worker.Mending));
        var returns = Account(expected);
        return new(
            seed, kills, cuts, joins, ended, all.Count, all.Max(worker => worker.Process.Steps.LastOrDefault()), returns,
            Math.Round(pause.TotalSeconds, 1), Math.Round(clock.Elapsed.TotalSeconds, 1), expected, wrong);
    }

    public void Dispose()
    {
        foreach (var worker in all)
        {
            worker.Process.Dispose();
            if (worker.Machine is { } machine)
                network!.Remove(machine);
        }
    }

    private void Begin()
    {
        var machine = network?.Add();
        var here = machine is null ? settings with { Certificate = null, Authority = null } : settings with { Address = machine.Address };
        all.Add(new(new(all.Count + 1, here, redis, table, machine is null ? [] : ["ip", .. machine.Enter]), machine));
    }

    // One of the workers goes on: a run that all leave at once is tried by a test of its own.
    private bool Strike()
    {
        var able = Alive.Where(worker => worker.CanTrain).ToArray();
        var training = able.Count(worker => worker.Process.Steps.Count > 0);
        var kind = random.Next(8);
        if (kind < 2 && Alive.Count() < MostWorkers)
        {
            joins++;
            Begin();
            table.Note($"worker {all.Count} joins");
            return true;
        }

        if (able.Length == 0)
            return false;
        var victim = able[random.Next(able.Length)];
        if (training - (victim.Process.Steps.Count > 0 ? 1 : 0) < 1)
            return false;
        if (kind < 5 || victim.Machine is null)
        {
            kills++;
            victim.IsOver = true;
            victim.Process.Kill();
            table.Note($"worker {victim.Process.Number} is killed after step {victim.Process.Steps.LastOrDefault()}");
            if (Alive.Count() < Workers)
                Begin();
            return true;
        }

        cuts++;
        var length = TimeSpan.FromSeconds(0.5 + (random.NextDouble() * 9.5));
        table.Note($"worker {victim.Process.Number} is cut off for {length.TotalSeconds:0.0} s after step {victim.Process.Steps.LastOrDefault()}");
        victim.WasCut = true;
        victim.Mending = CutFor(victim.Machine, length);
        return true;
    }

    private static async Task CutFor(VirtualMachine machine, TimeSpan length)
    {
        VirtualNetwork.Cut(machine);
        await Task.Delay(length);
        VirtualNetwork.Mend(machine);
    }

    // What a process manager does: who has ended without a result is started anew.
    private void Watch()
    {
        foreach (var worker in Alive.Where(worker => worker.Process.Ended().IsCompleted).ToArray())
        {
            worker.IsOver = true;
            if (worker.Process.Result is not null)
                continue;
            ended++;
            table.Note($"worker {worker.Process.Number} has ended: {worker.Process.Error}");
            // No cut is as long as a worker's patience: who was cut off must not end by that either.
            var isImpatient = worker.Process.Error.Contains(nameof(ClusterUnavailableException), StringComparison.Ordinal);
            if (isImpatient || (!worker.WasCut && !worker.Process.Error.Contains("dead", StringComparison.OrdinalIgnoreCase)))
                wrong.Add($"worker {worker.Process.Number} ended, and should not have: {worker.Process.Error}");
            Begin();
        }
    }

    // Every worker's steps come one after the other, but for where it takes a state that was kept, of before or after; and every step is
    // somebody's. Of an epoch's last step a worker tells when the store has the state after it: who takes that state knows that a worker
    // took the step, though it ended before it told.
    private int Account(string expected)
    {
        var (returns, taken) = (0, new HashSet<int>());
        var perEpoch = StepsPerEpoch();
        foreach (var worker in all)
        {
            var steps = worker.Process.Steps;
            taken.UnionWith(steps);
            for (var index = 0; index < steps.Count; index++)
            {
                var before = index == 0 ? 0 : steps[index - 1];
                if (index > 0 && steps[index] == before + 1)
                    continue;
                if (steps[index] % perEpoch != 1)
                    wrong.Add($"worker {worker.Process.Number} took step {steps[index]} after {before}");
                else
                    taken.Add(steps[index] - 1);
                returns += index > 0 ? 1 : 0;
            }

            if (worker.Process.Result is { } result && (result.Digest != expected || result.Steps != settings.Epochs * perEpoch))
                wrong.Add($"worker {worker.Process.Number} ended after {result.Steps} steps with {result.Digest}; one process ends with {expected}");
        }

        if (Enumerable.Range(1, settings.Epochs * perEpoch).FirstOrDefault(step => !taken.Contains(step)) is > 0 and var missing)
            wrong.Add($"nobody took step {missing}");
        if (all.All(worker => worker.Process.Result is null))
            wrong.Add("no worker trained to the end");
        return returns;
    }

    private int StepsPerEpoch()
    {
        var training = Settings.Training(settings);
        return (settings.Samples + (training.BatchSize * training.GradientAccumulation) - 1) / (training.BatchSize * training.GradientAccumulation);
    }
}
