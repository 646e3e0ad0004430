using System.Buffers.Binary;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tensorboard;
using TorchSharp;
using Xunit;

namespace MappingNets.Tests;

/// <summary>What a run tells TensorBoard, meters and activity listeners.</summary>
public sealed class WatchingTests
{
    private static TrainingReport Train(string name, IProgress<TrainingProgress>? progress = null)
    {
        using var data = Small.Classes(10);
        using var model = MappingNetwork.For(Small.Classifier()).SingleLatent(16).WithSeed(1).Build();
        return new Trainer(model, new() { Epochs = 2, BatchSize = 4, ValidationFraction = 0.2, Seed = 1, Loss = name == "terms" ? LossOptions.Complete : LossOptions.TaskOnly })
            .Fit(data, progress: progress);
    }

    // The records of an event file: length, its checksum, the event, its checksum.
    private static List<(string Tag, long Step, float Value)> Scalars(string folder)
    {
        var bytes = File.ReadAllBytes(Directory.GetFiles(folder).Single());
        var found = new List<(string, long, float)>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));
            var record = Event.Parser.ParseFrom(bytes, at + 12, length);
            if (record.Summary is { } summary)
                found.AddRange(summary.Value.Select(value => (value.Tag, record.Step, value.SimpleValue)));
            at += 16 + length;
        }

        return found;
    }

    [Fact]
    public void An_event_file_holds_each_step_and_each_epoch()
    {
        using var folder = new TemporaryFolder();
        TrainingReport report;
        using (var log = new TensorBoardLog(folder.File("run")))
            report = Train("terms", log);

        var scalars = Scalars(folder.File("run"));

        Assert.Equal([1L, 2, 3, 4], scalars.Where(scalar => scalar.Tag == "loss/step").Select(scalar => scalar.Step));
        Assert.Equal(report.History.Select(epoch => (float)epoch.TrainingLoss), scalars.Where(scalar => scalar.Tag == "loss/training").Select(scalar => scalar.Value));
        Assert.Equal(report.History.Select(epoch => (float)epoch.ValidationAccuracy!), scalars.Where(scalar => scalar.Tag == "accuracy/validation").Select(scalar => scalar.Value));
        foreach (var (name, value) in report.History[1].Terms)
            Assert.Contains(("term/" + name, 2L, (float)value), scalars);
        Assert.Equal(4, scalars.Count(scalar => scalar.Tag == "learning rate"));
        Assert.Throws<ArgumentOutOfRangeException>("everySteps", () => new TensorBoardLog(folder.Path, 0));
    }

    [Fact]
    public void Some_steps_are_enough_where_it_is_said()
    {
        using var folder = new TemporaryFolder();
        using (var log = new TensorBoardLog(folder.File("run"), everySteps: 3))
            Train("plain", log);
        Assert.Equal([1L, 4], Scalars(folder.File("run")).Where(scalar => scalar.Tag == "loss/step").Select(scalar => scalar.Step));
    }

    [Fact]
    public void Meters_and_activities_follow_a_run()
    {
        var (steps, samples, durations, last) = (0L, 0L, 0, double.NaN);
        // Other tests train at the same time: only what this flow of control does counts.
        var mine = new AsyncLocal<bool> { Value = true };
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "MappingNets")
                listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (!mine.Value)
                return;
            Assert.Contains(new("mappingnets.method", "slvt"), tags.ToArray());
            if (instrument.Name == "mappingnets.training.steps")
                steps += value;
            if (instrument.Name == "mappingnets.training.samples")
                samples += value;
        });
        meters.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
        {
            if (!mine.Value)
                return;
            if (instrument.Name == "mappingnets.training.step.duration")
                durations++;
            if (instrument.Name == "mappingnets.training.loss")
                last = value;
        });
        meters.Start();
        var activities = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "MappingNets",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => mine.Value ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = activity =>
            {
                if (mine.Value)
                    activities.Add(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var losses = new List<double>();

        Train("plain", new Immediate(progress => losses.Add(progress.Loss)));

        // 8 samples in batches of 4, twice.
        Assert.Equal((4L, 16L, 4), (steps, samples, durations));
        Assert.Equal(["epoch", "epoch", "train"], activities.Select(activity => activity.OperationName));
        Assert.Equal(activities[2].SpanId, activities[0].ParentSpanId);
        Assert.Equal(2, activities[1].GetTagItem("mappingnets.epoch"));
        Assert.Equal(16L, Convert.ToInt64(activities[2].GetTagItem("mappingnets.parameters"), null));
        Assert.True(double.IsFinite(last));
    }

    [Fact]
    public void Steps_of_more_samples_than_a_number_holds_count_those_there_are()
    {
        var samples = 0L;
        var mine = new AsyncLocal<bool> { Value = true };
        using var meters = new MeterListener();
        meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == "mappingnets.training.samples")
                listener.EnableMeasurementEvents(instrument);
        };
        meters.SetMeasurementEventCallback<long>((_, value, _, _) =>
        {
            // Other tests' threads call it too.
            if (mine.Value)
                samples += value;
        });
        meters.Start();
        using var model = Small.Slvt();
        using var data = Small.Classes(8);

        new Trainer(model, new() { Epochs = 2, BatchSize = int.MaxValue, GradientAccumulation = 2 }).Fit(data);

        Assert.Equal(16, samples);
    }

    private sealed class Immediate(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
