using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MappingNets;

/// <summary>Sends a worker back to the last state that was kept.</summary>
internal sealed class ReplicaLostException : Exception;

/// <summary>
/// The gradients of a run of several workers: this one computes the parts that are its own, sends them, and takes the record of the step,
/// which all take. A worker that is behind takes the records it has missed without computing anything.
/// </summary>
internal sealed class SharedGradients(
    ClusterLine<IRunGrain> line, string worker, RunTerms terms, PartBuffers buffers, PartGradient parts, IReadOnlyList<Parameter> parameters, WorkerFigures figures)
    : IStepGradients, IDisposable
{
    private readonly FlatGradient flat = new(parameters);
    private readonly Queue<StepRecord> ahead = new();
    private RecordLog? taken;
    private int[] next = [];

    /// <summary>Whether this worker is to keep the state after an epoch that ends in the records which it takes.</summary>
    public bool KeepsState { get; private set; }

    public double? Take(StepPlace place, EpochSums sums)
    {
        if (place.InEpoch == 0)
            buffers.Begin();
        if (RecordOf(place) is not { } record)
            return null;
        flat.Write(record.Gradient, record.Present);
        var total = 0.0;
        for (var part = 0; part < record.Figures.Length; part++)
        {
            var batch = record.Figures[part].ToBatch();
            sums.Add(batch);
            total += batch.Total * parts.Shape.ShareOf(place, part);
        }

        if (place.InEpoch == parts.Shape.StepsPerEpoch - 1)
            buffers.Finish(record.Statistics, parts.Shape.PartsPerEpoch);
        (taken ??= new(place.Step, StepReducer.KeptBytes)).Add(record);
        return total;
    }

    /// <summary>Ends the run for all its workers.</summary>
    /// <param name="step">How many steps are done then.</param>
    /// <param name="divergence">What is not finite; null where a callback ends the run.</param>
    public void End(long step, Divergence? divergence)
    {
        // A grain that was activated anew knows nobody. Where the name is another run's by now, there is nothing left to end.
        while (!line.Ask(grain => grain.End(worker, step, divergence)))
            if (line.Ask(grain => grain.Rejoin(worker, terms)) is not null)
                return;
    }

    public void Dispose() => buffers.Dispose();

    private StepRecord? RecordOf(StepPlace place)
    {
        if (ahead.TryDequeue(out var known))
            return known;
        KeepsState = false;
        var digest = flat.Digest();
        var computed = new SortedDictionary<int, Part>();
        var sent = Compute(place, next, computed);
        next = [];
        for (; ; )
        {
            // What is left over the reducer asks for again.
            var contribution = new Contribution(worker, place.Step, digest, sent[..line.Fitting(sent)]);
            line.RequireRoom("A part of a step", contribution.Parts.Sum(part => part.Bytes));
            var reply = line.Ask(grain => grain.Contribute(contribution));
            figures.Count(contribution, reply);
            switch (reply.Kind)
            {
                case ReplyKind.Records:
                    foreach (var record in reply.Records)
                        ahead.Enqueue(record);
                    (next, KeepsState) = (reply.Parts, reply.KeepsState);
                    return ahead.Dequeue();
                case ReplyKind.Compute:
                    sent = Compute(place, reply.Parts, computed);
                    break;
                case ReplyKind.Again:
                    sent = [];
                    break;
                case ReplyKind.Rejoin:
                    if (line.Ask(grain => grain.Rejoin(worker, terms)) is not null)
                        throw new ReplicaLostException();
                    sent = [];
                    break;
                case ReplyKind.Teach:
                    // Where the oldest of them are gone the others serve those who are less far behind.
                    line.Tell(grain => grain.Teach(worker, place.Step, taken?.From(Math.Max(reply.First, taken.First), long.MaxValue) ?? []));
                    sent = [];
                    break;
                case ReplyKind.End:
                    return null;
                case ReplyKind.Diverged:
                    var divergence = reply.Divergence!;
                    throw new TrainingDivergedException(divergence.Step, divergence.Term, divergence.Value, divergence.Cure);
                default:
                    throw new ReplicaLostException();
            }
        }
    }

    private Part[] Compute(StepPlace place, int[] wanted, SortedDictionary<int, Part> computed)
    {
        var isLast = place.InEpoch == parts.Shape.StepsPerEpoch - 1;
        foreach (var index in wanted.Where(index => !computed.ContainsKey(index)))
        {
            var trained = index < parts.Shape.PartsOf(place) ? Trained(place, index) : (Gradient: [], Present: [], Figures: null);
            computed[index] = new(
                index, trained.Gradient, trained.Present, trained.Figures, isLast ? buffers.StatisticsOf(index) : []);
        }

        if (wanted.Length > 0)
            buffers.Reset();
        return [.. wanted.Select(index => computed[index])];
    }

    private (byte[] Gradient, bool[] Present, PartFigures? Figures) Trained(StepPlace place, int index)
    {
        using var scope = NewDisposeScope();
        buffers.Enter(index, ((long)place.InEpoch * parts.Shape.Parts) + index);
        parts.Forget();
        try
        {
            var batch = parts.Add(place, index);
            parts.RequireFiniteStatistics(place.Step);
            buffers.Leave(index);
            var (gradient, present) = flat.Read();
            return (gradient, present, PartFigures.From(batch));
        }
        catch (TrainingDivergedException fault)
        {
            buffers.Reset();
            End(place.Step, new(fault.Step, fault.Term, fault.Value, fault.Cure));
            throw;
        }
    }
}
