/* A chord of plucked strings, for the Audio dashboard. */
#ifndef GALLERY_SOUND_H
#define GALLERY_SOUND_H

#include <stddef.h>

enum { SOUND_RATE = 22050, SOUND_CHANNELS = 2, SOUND_FRAMES = 2 * SOUND_RATE };

/* Fills |samples| (SOUND_FRAMES x SOUND_CHANNELS, -1 to 1) with |count| notes of the given
 * frequencies in Hz, each a little after the one before and further to the right. */
void make_chord(float *samples, const double *frequencies, size_t count);

#endif
