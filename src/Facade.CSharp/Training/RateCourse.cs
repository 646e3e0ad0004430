using static TorchSharp.torch.optim;

namespace MappingNets;

/// <summary>The learning rates of one run: sets those of an optimiser before each step.</summary>
internal abstract class RateCourse
{
    /// <summary>Sets the rates of a step counted from 0; the steps come in order.</summary>
    public abstract void BeforeStep(long step);

    /// <summary>Hears an epoch's validation loss, or its training loss where nothing is held out.</summary>
    public virtual void AfterEpoch(double loss)
    {
    }

    /// <summary>Goes through the epochs that an earlier process has done.</summary>
    public void Repeat(IReadOnlyList<EpochResult> history, int stepsPerEpoch)
    {
        var step = 0L;
        foreach (var epoch in history)
        {
            for (var inEpoch = 0; inEpoch < stepsPerEpoch; inEpoch++)
                BeforeStep(step++);
            AfterEpoch(epoch.ValidationLoss ?? epoch.TrainingLoss);
        }
    }

    /// <summary>Each group's full rate times a factor of the step.</summary>
    internal sealed class ByFactor(Optimizer optimizer, Func<long, double> factor) : RateCourse
    {
        private readonly double[] full = [.. optimizer.ParamGroups.Select(group => group.LearningRate)];

        public override void BeforeStep(long step)
        {
            foreach (var (group, rate) in optimizer.ParamGroups.Zip(full))
                group.LearningRate = rate * factor(step);
        }
    }

    /// <summary>A straight line up, and then another course from its own start.</summary>
    internal sealed class WarmUp : RateCourse
    {
        private readonly Optimizer optimizer;
        private readonly int steps;
        private readonly RateCourse then;
        private double[]? first;
        private long last;

        public WarmUp(Optimizer optimizer, int steps, RateCourse then) => (this.optimizer, this.steps, this.then) = (optimizer, steps, then);

        public override void BeforeStep(long step)
        {
            last = step;
            if (first is null)
            {
                then.BeforeStep(0);
                first = [.. optimizer.ParamGroups.Select(group => group.LearningRate)];
            }

            if (step > steps)
                then.BeforeStep(step - steps);
            else
                foreach (var (group, rate) in optimizer.ParamGroups.Zip(first))
                    group.LearningRate = step < steps ? rate * (step + 1) / steps : rate;
        }

        // The other course counts epochs, as it does steps, from its own start.
        public override void AfterEpoch(double loss)
        {
            if (last >= steps)
                then.AfterEpoch(loss);
        }
    }

    /// <summary>One cycle up and down; the order of operations is OneCycleLR's, so that the rates have its bits.</summary>
    internal sealed class OneCycle : RateCourse
    {
        private const double HighMomentum = 0.95;
        private const double LowMomentum = 0.85;

        private readonly Optimizer optimizer;
        private readonly double[] full;
        private readonly double rise;
        private readonly long last;
        private readonly double startDivisor;
        private readonly double endDivisor;
        private readonly bool cycleMomentum;

        public OneCycle(Optimizer optimizer, long steps, double rising, double startDivisor, double endDivisor, bool cycleMomentum)
        {
            (this.optimizer, this.startDivisor, this.endDivisor, this.cycleMomentum) = (optimizer, startDivisor, endDivisor, cycleMomentum);
            full = [.. optimizer.ParamGroups.Select(group => group.LearningRate)];
            rise = (rising * steps) - 1;
            last = steps - 1;
            if (rise <= 0 || last <= rise)
                throw new ArgumentException(
                    $"The run has {steps} steps; one cycle needs more, so that the rate can rise and fall.", nameof(TrainingOptions.Schedule));
            if (cycleMomentum && optimizer.ParamGroups.Any(group => group is not (IBetas or IMomentum)))
                throw new ArgumentException(
                    "The optimiser has no momentum that one cycle could move; set cycleMomentum to false.", nameof(TrainingOptions.Schedule));
        }

        public override void BeforeStep(long step)
        {
            var isRising = step <= rise;
            var share = isRising ? step / rise : (step - rise) / (last - rise);
            foreach (var (group, rate) in optimizer.ParamGroups.Zip(full))
            {
                var start = rate / startDivisor;
                group.LearningRate = isRising ? Between(start, rate, share) : Between(rate, start / endDivisor, share);
                if (!cycleMomentum)
                    continue;
                var momentum = isRising ? Between(HighMomentum, LowMomentum, share) : Between(LowMomentum, HighMomentum, share);
                if (group is IBetas betas)
                    betas.Betas = (momentum, betas.Betas.Item2);
                else
                    ((IMomentum)group).Momentum = momentum;
            }
        }

        private static double Between(double start, double end, double share) =>
            end + ((start - end) / 2.0 * (Math.Cos(Math.PI * share) + 1));
    }

    /// <summary>A scheduler of TorchSharp's: its constructor sets the first rates.</summary>
    internal sealed class OfTorch : RateCourse
    {
        private readonly lr_scheduler.LRScheduler scheduler;
        private readonly bool perEpoch;

        public OfTorch(lr_scheduler.LRScheduler? scheduler, string name, bool perEpoch)
        {
            this.scheduler = scheduler
                ?? throw new ArgumentException($"The function of the schedule '{name}' builds null.", nameof(TrainingOptions.Schedule));
            this.perEpoch = perEpoch;
            if (scheduler is lr_scheduler.impl.ReduceLROnPlateau && !perEpoch)
                throw new ArgumentException(
                    $"The schedule '{name}' judges epochs; set perEpoch to true.", nameof(TrainingOptions.Schedule));
        }

        public override void BeforeStep(long step)
        {
            if (!perEpoch && step > 0)
                scheduler.step();
        }

        public override void AfterEpoch(double loss)
        {
            if (!perEpoch)
                return;
            if (scheduler is lr_scheduler.impl.ReduceLROnPlateau)
                scheduler.step(loss);
            else
                scheduler.step();
        }
    }
}
