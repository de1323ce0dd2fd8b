#include "gallery/sound.h"

#include <math.h>
#include <string.h>

/* A string: overtones that are weaker, and fade sooner, the higher they are. */
static double pluck(double frequency, double seconds)
{
    const double two_pi = 6.283185307179586;
    double sum = 0;
    for (int overtone = 1; overtone <= 8; overtone++)
        sum += exp(-1.5 * overtone * seconds) / overtone
               * sin(two_pi * frequency * overtone * seconds);
    return sum;
}

void make_chord(float *samples, const double *frequencies, size_t count)
{
    memset(samples, 0, SOUND_FRAMES * SOUND_CHANNELS * sizeof *samples);
    for (size_t note = 0; note < count; note++) {
        size_t start = note * SOUND_RATE / 8;
        double right = count > 1 ? (double)note / (double)(count - 1) : 0.5;
        double loudness = 0.5 / (double)count;
        for (size_t i = start; i < SOUND_FRAMES; i++) {
            double value = loudness * pluck(frequencies[note], (double)(i - start) / SOUND_RATE);
            samples[SOUND_CHANNELS * i] += (float)(value * (1 - right));
            samples[SOUND_CHANNELS * i + 1] += (float)(value * right);
        }
    }
}
